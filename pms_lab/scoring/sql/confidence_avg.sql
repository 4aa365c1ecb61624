-- How sure were the agents on one day? The mean over products of the plain mean of their votes' confidences.
SELECT round(avg(confidence), 6) AS confidence
FROM (
    SELECT avg(confidence) AS confidence
    FROM dry_runs
    WHERE agent <> 'consensus' AND run_date = $run_date
    GROUP BY product
)
