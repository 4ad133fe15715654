-- EndRemoval: ends the removal of tenants from the pending set. A tenant that has
-- a queue in the schedule by now is restored, and so is one that has items.
--
-- KEYS[1]  %tenants
-- KEYS[2]  the pending set
-- KEYS[3]  %drained
-- ARGV[1 ..]  for each tenant: the tenant, its escaped form, and '1' if it has
--             items, else ''
-- Result: for each tenant 1 if it was restored, else 0.
local restored = {}
for i = 1, #ARGV, 3 do
  local tenant, escaped = ARGV[i], ARGV[i + 1]
  local isBusy = ARGV[i + 2] == '1' or redis.call('ZSCORE', KEYS[1], escaped)
  if isBusy then redis.call('SADD', KEYS[2], tenant) end
  -- With another time, the tenant had a queue again, and is drained anew.
  if tonumber(redis.call('ZSCORE', KEYS[3], escaped) or nil) == 0 then redis.call('ZREM', KEYS[3], escaped) end
  restored[#restored + 1] = isBusy and 1 or 0
end
return restored
