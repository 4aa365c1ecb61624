-- How well does the consensus agree with the manual rates, for each product?
SELECT location, product, unnest(measures(rate, manual, difference, confidence, $tolerance, $is_percent))
FROM dry_runs
WHERE agent = 'consensus'
GROUP BY location, product
ORDER BY location, product
