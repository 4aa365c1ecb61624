-- How well does each agent agree with the manual rates, and how well the consensus?
SELECT location, agent, unnest(measures(rate, manual, difference, confidence, $tolerance, $is_percent))
FROM dry_runs
GROUP BY location, agent
ORDER BY location, agent
