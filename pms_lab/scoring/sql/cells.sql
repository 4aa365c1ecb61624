-- What was recommended, and what was set, for each cell of a location? One row per cell, its votes as lists.
-- Where files disagree, the one that came in last holds. A manual rate set after its author had seen the recommendation
-- is no evidence of agreement: it goes to `manual_seen`. A gross rate is never compared with a net one, and where agents
-- mix the two there is no recommendation.
WITH last_recommendations AS (
    FROM recommendations
    WHERE location = $location AND run_date IN (SELECT unnest($run_dates))
    QUALIFY row_number() OVER (
        PARTITION BY run_date, product, stay_date, rate_plan, occupancy, agent
        ORDER BY came_in DESC
    ) = 1
),

last_rates AS (
    FROM rates
    WHERE location = $location AND run_date IN (SELECT unnest($run_dates))
    QUALIFY row_number() OVER (
        PARTITION BY run_date, product, stay_date, rate_plan, occupancy, kind
        ORDER BY came_in DESC
    ) = 1
),

recommended AS (
    SELECT
        run_date, product, stay_date, rate_plan, occupancy,
        max(tax_basis) AS tax_basis,
        count(DISTINCT tax_basis) > 1 AS is_mixed,
        list(agent ORDER BY agent) AS agent,
        list(agent_version ORDER BY agent) AS agent_version,
        list(rate ORDER BY agent) AS rate,
        list(confidence ORDER BY agent) AS confidence
    FROM last_recommendations
    GROUP BY run_date, product, stay_date, rate_plan, occupancy
),

known AS (
    SELECT
        run_date, product, stay_date, rate_plan, occupancy,
        max(rate) FILTER (kind = 'current') AS current,
        max(tax_basis) FILTER (kind = 'current') AS current_basis,
        max(rate) FILTER (kind = 'manual') AS manual,
        max(tax_basis) FILTER (kind = 'manual') AS manual_basis,
        bool_or(recommendation_seen_at IS NOT NULL AND coalesce(recommendation_seen_at <= set_at, true))
            FILTER (kind = 'manual') AS was_seen
    FROM last_rates
    WHERE kind <> 'floor'
    GROUP BY ALL
),

joined AS (
    SELECT
        coalesce(r.run_date, k.run_date) AS run_date,
        coalesce(r.product, k.product) AS product,
        coalesce(r.stay_date, k.stay_date) AS stay_date,
        coalesce(r.rate_plan, k.rate_plan) AS rate_plan,
        coalesce(r.occupancy, k.occupancy) AS occupancy,
        r.tax_basis,
        CASE WHEN NOT r.is_mixed THEN r.agent END AS agent,
        CASE WHEN NOT r.is_mixed THEN r.agent_version END AS agent_version,
        CASE WHEN NOT r.is_mixed THEN r.rate END AS rate,
        CASE WHEN NOT r.is_mixed THEN r.confidence END AS confidence,
        CASE WHEN r.tax_basis <> k.current_basis THEN NULL ELSE k.current END AS current,
        CASE WHEN r.tax_basis <> k.manual_basis THEN NULL ELSE k.manual END AS any_manual,
        k.was_seen
    FROM recommended AS r
    FULL JOIN known AS k
        ON r.run_date = k.run_date
        AND r.product = k.product
        AND r.stay_date IS NOT DISTINCT FROM k.stay_date
        AND r.rate_plan IS NOT DISTINCT FROM k.rate_plan
        AND r.occupancy IS NOT DISTINCT FROM k.occupancy
)

SELECT
    * EXCLUDE (any_manual, was_seen),
    CASE WHEN NOT was_seen THEN any_manual END AS manual,
    CASE WHEN was_seen THEN any_manual END AS manual_seen
FROM joined
ORDER BY run_date, product, stay_date, rate_plan, occupancy, tax_basis
