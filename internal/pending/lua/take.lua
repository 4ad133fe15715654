-- Take: hands out queues that are ready, the next one of each tenant in turn. A
-- queue that is handed out is held: it is ready again after that time, unless a
-- claim changes the schedule before. Take also grants the lease of the sweep.
--
-- KEYS[1]  %tenants
-- KEYS[2]  the pending set
-- ARGV[1]  the most queues to hand out
-- ARGV[2]  how long to hold them, in milliseconds
-- ARGV[3]  the process that wants to sweep, or ''
-- ARGV[4]  the lease of the sweep, in milliseconds
-- ARGV[5]  how long a tenant must have had no queue before its removal begins,
--          in milliseconds; '' if the process is not ready for a sweep
-- ARGV[6]  the most places of a tenant, see places.lua; may be missing, and
--          ARGV[7], ARGV[8] with it
-- ARGV[7]  how the names of the places begin that are taken, one for each queue
-- ARGV[8]  the lease of a place, in milliseconds
-- A tenant without a free place is passed over until one is free. Free brings
-- its next turn forward.
-- Result: {wait, sweep, skipped, removed, unscheduled, drained, begun, queues}:
--   wait     milliseconds until the next queue is ready, -1 if there is none
--   sweep    1 if the process has the lease of the sweep, and tenants are
--            pending, else 0
--   skipped  a key that was not used because it holds another type, or ''
--   removed  how many members of the schedule were removed because they name
--            no queue
--   unscheduled  how many members of the pending set have no queue in the
--            schedule, without those that had one before and whose removal
--            begins later; 0 if there are more than a thousand of these
--   drained  the tenants whose removal from the pending set begins now, escaped
--   begun    those whose removal had begun before, by a process that did not
--            end it; escaped, together with drained at most a thousand
--   queues   the members of the schedule that are handed out
local rest, limit, removed = string.sub(KEYS[1], 9), tonumber(ARGV[1]), 0
local taken, wait, turn, bound = {}, -1, instant, tonumber(ARGV[6] or nil)

-- Tenants whose time is too early, or that have no queue or place left, take no
-- turn. There may be many of them.
for _ = 1, limit + 100 do
  local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  local tenant, at = first[1], tonumber(first[2]) or 0
  wait = tenant and math.max(math.ceil(at - turn), 0) or -1
  if not tenant or at > turn or #taken >= limit then break end
  local queues = queuesOf(KEYS[1], tenant)
  local ready = tryCall('ZRANGE', queues, 0, 1, 'WITHSCORES')
  local member = ready and ready[1]
  if not ready then
    redis.call('ZADD', KEYS[1], now + 10000, tenant)
  elseif not member then
    redis.call('ZREM', KEYS[1], tenant)
    tryCall('ZADD', '%drained' .. rest, now, tenant)
  elseif string.sub(member, 1, #tenant + 1) ~= tenant .. ':' then
    redis.call('ZREM', queues, member)
    removed = removed + 1
  elseif (tonumber(ready[2]) or 0) > turn then
    redis.call('ZADD', KEYS[1], ready[2], tenant)
  else
    local places = bound and placesOf(KEYS[1], tenant)
    local full = bound and fullUntil(places, bound)
    if full then
      redis.call('ZADD', KEYS[1], full, tenant)
    else
      local held = pauseUntil(ARGV[2])
      taken[#taken + 1] = member
      redis.call('ZADD', queues, held, member)
      redis.call('ZADD', KEYS[1], math.max(math.min(tonumber(ready[4]) or held, held), turn), tenant)
      turn = turn + 2 ^ -12 -- the least step of a time in ms
      if bound then takePlace(places, ARGV[7] .. #taken, tonumber(ARGV[8])) end
    end
  end
end

local sweep, drained, begun, drainedKey = 0, {}, {}, '%drained' .. rest
if ARGV[3] ~= '' and redis.call('EXISTS', KEYS[2], drainedKey) > 0 then
  local lease = '%sweep' .. rest
  local holder = tryCall('GET', lease)
  if holder == false or holder == ARGV[3] then
    redis.call('SET', lease, ARGV[3], 'PX', ARGV[4])
    sweep = 1
  elseif holder and redis.call('PTTL', lease) == -1 then
    redis.call('PEXPIRE', lease, ARGV[4])
  end
end
local old = sweep == 1 and ARGV[5] ~= '' and tryCall('ZRANGE', drainedKey, 0, 999, 'WITHSCORES')
local pending = old and tryCall('SCARD', KEYS[2])
if not pending then return {wait, sweep, skipped, removed, 0, drained, begun, taken} end
local unscheduled = #old < 2000 and pending - redis.call('ZCARD', KEYS[1]) or 0
for i = 1, #old, 2 do
  local escaped, since = old[i], tonumber(old[i + 1])
  local tenant = string.gsub(escaped, '%%(%x%x)', {['25'] = '%', ['3A'] = ':'})
  local isPending, isOld = redis.call('SISMEMBER', KEYS[2], tenant) == 1, since <= now - ARGV[5]
  if redis.call('ZSCORE', KEYS[1], escaped) then
    if since == 0 then redis.call('SADD', KEYS[2], tenant) end
    if isOld then redis.call('ZREM', drainedKey, escaped) end
  elseif since == 0 then
    begun[#begun + 1] = escaped
  elseif isPending then
    unscheduled = unscheduled - 1
    if isOld then
      redis.call('SREM', KEYS[2], tenant)
      redis.call('ZADD', drainedKey, 0, escaped)
      drained[#drained + 1] = escaped
    end
  elseif isOld then
    redis.call('ZREM', drainedKey, escaped)
  end
end
return {wait, sweep, skipped, removed, math.max(unscheduled, 0), drained, begun, taken}
