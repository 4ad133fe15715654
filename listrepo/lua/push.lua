-- Push and PushFront with a condition, a bound, a lifetime or an order, and those
-- of a queue that is in a schedule, except for the push of push_usual.lua.
--
-- It pushes the items, and repairs the schedule if the queue is not in it. It
-- also records for Backlog how many items had been pushed at this time. RPUSH,
-- LPUSH or LLEN refuses a queue of another type. If a key beside the queue holds
-- another type, nothing is pushed.
--
-- KEYS[1]  the queue
-- KEYS[2]  due
-- KEYS[3]  set of those who have items; may be missing, and KEYS[4] and KEYS[5]
--          with it
-- KEYS[4]  %tenants of the schedule
-- KEYS[5]  age: times, by the number of items taken plus the queue's length at
--          that time; the member 'taken' has the number of items taken
-- ARGV[5]  RPUSH or LPUSH
-- ARGV[6]  the greatest length of the queue, '0' for no bound
-- ARGV[7]  the member of the set
-- ARGV[8]  the queue's member of the schedule
-- ARGV[9]  its tenant
-- ARGV[10] how the options order the queue, '' if they do not; see parseOrdering
--          in order.lua
-- ARGV[11 ..]  the items
-- Result: {length, from}: the length of the queue, and the claim from which
-- renew_beside.lua continues. If nothing is left to renew, the length alone. If
-- the items do not fit under the bound, the status FULL, and nothing is pushed.
local length
if ARGV[4] == '' then existed = redis.call('LLEN', KEYS[1]) > 0 end
local maxLength = tonumber(ARGV[6])
if maxLength > 0 and redis.call('LLEN', KEYS[1]) + #ARGV - 10 > maxLength then
  return redis.status_reply('FULL')
end
if KEYS[3] then
  local wrong = not isType(KEYS[3], 'set') and KEYS[3] or not isType(KEYS[5], 'zset') and KEYS[5] or wrongSchedule(KEYS[4], ARGV[9])
  if wrong then return wrongType(wrong) end
end
local tail = string.sub(KEYS[2], #'%due' + 1)
local order, waited, serial, quiet, atMost = '%order' .. tail, false, false, nil, nil
if ARGV[10] ~= '' then
  if not isType(order, 'hash') then return wrongType(order) end
  serial, quiet, atMost = parseOrdering(ARGV[10])
  waited = redis.call('EXISTS', KEYS[1], '%again' .. tail) > 0
end
for i = 11, #ARGV, page do
  length = redis.call(ARGV[5], KEYS[1], unpack(ARGV, i, math.min(i + page - 1, #ARGV)))
end
if serial then redis.call('HSET', order, 'serial', 1) end
if quiet then putOff(order, quiet, atMost, waited) end
local from = renewQueue(KEYS[1])
local more = renewBeside(KEYS[1], tail, from)
local result = more == 0 and length or {length, more}
if not KEYS[3] then return result end

redis.call('SADD', KEYS[3], ARGV[7])
local before = length - (#ARGV - 10)
-- A queue with items may be paused, so it keeps its time.
local at = before > 0 and not quiet and tonumber(redis.call('ZSCORE', queuesOf(KEYS[4], ARGV[9]), ARGV[8]) or nil)
if not at or at > instant then
  local ready = nextLook(KEYS[1], tail)
  if not at or isTooLate(at, ready) then at = ready end
end
scheduleAt(KEYS[4], ARGV[9], ARGV[8], at)

-- finish sets the lifetime of age to that of the queue, and returns the
-- script's result.
local function finish()
  local left = redis.call('PTTL', KEYS[1])
  if left > 0 then redis.call('PEXPIRE', KEYS[5], left) else redis.call('PERSIST', KEYS[5]) end
  return result
end

local taken = parseScore(redis.call('ZSCORE', KEYS[5], 'taken'))
if ARGV[5] == 'LPUSH' then
  redis.call('ZADD', KEYS[5], taken - (#ARGV - 10), 'taken')
  return finish()
end
-- Nobody counts the items that other programs take. If there are fewer items
-- than the last time implies, the difference was taken.
local last = redis.call('ZREVRANGE', KEYS[5], 0, 0, 'WITHSCORES')
if parseScore(last[2]) > taken + before then taken = parseScore(last[2]) - before end
local over = math.min(redis.call('ZCOUNT', KEYS[5], '-inf', taken), page)
if over > 0 then redis.call('ZREMRANGEBYRANK', KEYS[5], 0, over - 1) end
redis.call('ZADD', KEYS[5], taken, 'taken')
-- If there are many times, another one must be late enough to be worth keeping.
local times = redis.call('ZCARD', KEYS[5])
if times > 256 then
  local oldest = tonumber(redis.call('ZRANGE', KEYS[5], 1, 1)[1]) or now
  local newest = tonumber(redis.call('ZREVRANGE', KEYS[5], 0, 0)[1]) or now
  if now - newest < (now - oldest) / 64 then return finish() end
end
redis.call('ZADD', KEYS[5], taken + length, now)
return finish()
