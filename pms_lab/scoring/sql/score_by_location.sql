-- How well does the consensus agree with the manual rates, for each location?
SELECT location, unnest(measures(rate, manual, difference, confidence, $tolerance, $is_percent))
FROM dry_runs
WHERE agent = 'consensus'
GROUP BY location
ORDER BY location
