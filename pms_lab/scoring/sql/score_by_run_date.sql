-- How well does the consensus agree with the manual rates, for each run date?
SELECT location, run_date, unnest(measures(rate, manual, difference, confidence, $tolerance, $is_percent))
FROM dry_runs
WHERE agent = 'consensus' AND run_date BETWEEN $first AND $last
GROUP BY location, run_date
ORDER BY location, run_date
