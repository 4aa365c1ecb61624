-- Whose weight would have moved the consensus, and which way? `pull` is the mean change of a product's consensus over all
-- its compared cells, in the location's currency, had one agent a tenth more weight. To first order:
-- d consensus / d weight = share * (rate - consensus) / weight, for the mean; a median does not move smoothly, so there the
-- question has no such answer.
WITH pulls AS (
    SELECT location, product, agent, sum(share * (rate - consensus)::DOUBLE) / 10 AS pull
    FROM dry_runs
    WHERE agent <> 'consensus' AND manual IS NOT NULL AND consensus IS NOT NULL
    GROUP BY ALL
),

compared AS (
    SELECT location, product, count(difference) AS cells FROM dry_runs WHERE agent = 'consensus' GROUP BY ALL
)

SELECT location, product, agent, round(pull / cells, 6) AS pull
FROM pulls JOIN compared USING (location, product)
ORDER BY location, product, agent
