-- Looks at ids of the other spaces of the group whose time has come. Run by
-- HashRepo.Sweep.
--
-- KEYS[1]  the list of the space
-- KEYS[2]  the spaces of the group
-- ARGV[5]  the number of ids
-- Result: '1' if more may be due, else '', and the number of ids that were
-- removed.
spaces_key = KEYS[2]
enter_space(KEYS[1], '', '')

local limit = tonumber(ARGV[5], 10)
local looked, removed = look_at_group(limit)
return { looked >= limit and '1' or '', tostring(removed) }
