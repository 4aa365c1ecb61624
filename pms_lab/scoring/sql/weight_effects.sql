-- Whose weight would have moved the consensus, and which way? `pull` is the mean change of a product's consensus, in the
-- location's currency, had one agent a tenth more weight. To first order: d consensus / d weight = share * (rate - consensus)
-- / weight, for the mean; a median does not move smoothly, so there the question has no such answer.
SELECT location, product, agent, round(avg(share * (rate - consensus)::DOUBLE) / 10, 6) AS pull
FROM dry_runs
WHERE agent <> 'consensus' AND manual IS NOT NULL AND consensus IS NOT NULL
GROUP BY ALL
ORDER BY ALL
