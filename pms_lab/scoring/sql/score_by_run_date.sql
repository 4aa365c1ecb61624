-- How well does the consensus agree with the manual rates, for each run date?
SELECT location, run_date, unnest(measures(rate, manual, difference, confidence, $tolerance, $is_percent))
FROM dry_runs
WHERE agent = 'consensus'
GROUP BY location, run_date
ORDER BY location, run_date
