-- Drained: returns tenants that may be removed from the pending set because
-- they have had no queue in the schedule for a while. Tenants that have one
-- again are restored, and forgotten here.
--
-- KEYS[1]  %tenants
-- KEYS[2]  the pending set
-- ARGV[1]  how long a tenant must have had no queue, in milliseconds
-- Result: {unscheduled, skipped, tenants}:
--   unscheduled  how many more members the pending set has than the schedule has
--                tenants, 0 if it has fewer
--   skipped      a key that was not used because it holds another type, or ''
--   tenants      escaped, at most a thousand
local drained, candidates = '%drained' .. string.sub(KEYS[1], 9), {}
local old = tryCall('ZRANGEBYSCORE', drained, '-inf', now - ARGV[1], 'WITHSCORES', 'LIMIT', 0, 1000) or {}
for i = 1, #old, 2 do
  local escaped, begun = old[i], tonumber(old[i + 1]) == 0
  local tenant = string.gsub(escaped, '%%(%x%x)', {['25'] = '%', ['3A'] = ':'})
  if redis.call('ZSCORE', KEYS[1], escaped) then
    if not begun or tryCall('SADD', KEYS[2], tenant) then redis.call('ZREM', drained, escaped) end
  elseif begun or tryCall('SISMEMBER', KEYS[2], tenant) ~= 0 then
    candidates[#candidates + 1] = escaped
  else
    redis.call('ZREM', drained, escaped)
  end
end
local members = tryCall('SCARD', KEYS[2])
return {math.max((members or 0) - redis.call('ZCARD', KEYS[1]), 0), skipped, candidates}
