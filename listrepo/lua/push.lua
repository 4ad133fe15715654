-- Push and PushFront with a condition, a bound or a lifetime, and those that
-- register the queue in the index. It pushes items, and records for Backlog how
-- many items had been pushed at this time.
--
-- KEYS[1]  the queue
-- KEYS[2]  due
-- KEYS[3]  set of those who have items; may be missing, and KEYS[4] and KEYS[5]
--          with it
-- KEYS[4]  index of queues, by the time of the last registration
-- KEYS[5]  age: times, by the number of items taken plus the queue's length at
--          that time; the member 'taken' has the number of items taken
-- ARGV[5]  RPUSH or LPUSH
-- ARGV[6]  the greatest length of the queue, '0' for no bound
-- ARGV[7]  the member of the set
-- ARGV[8]  the queue's member of the index
-- ARGV[9]  how the options order the queue, '' if they do not; see parseOrdering
--          in order.lua
-- ARGV[10 ..]  the items
-- Result: {length, from}: the length of the queue, and the claim from which
-- renew_beside.lua continues. If nothing is left to renew, the length alone. If
-- the items do not fit under the bound, the status FULL, and nothing is pushed.
local maxLength = tonumber(ARGV[6])
if maxLength > 0 and redis.call('LLEN', KEYS[1]) + #ARGV - 9 > maxLength then
  return redis.status_reply('FULL')
end
for i, kind in ipairs({'set', 'zset', 'zset'}) do
  if KEYS[i + 2] and not isType(KEYS[i + 2], kind) then return wrongType(KEYS[i + 2]) end
end
local tail = string.sub(KEYS[2], #'%due' + 1)
local order, waited = '%order' .. tail, false
if ARGV[9] ~= '' then
  if not isType(order, 'hash') then return wrongType(order) end
  waited = redis.call('EXISTS', KEYS[1], '%again' .. tail) > 0
end
local length
for i = 10, #ARGV, page do
  length = redis.call(ARGV[5], KEYS[1], unpack(ARGV, i, math.min(i + page - 1, #ARGV)))
end
if ARGV[9] ~= '' then
  local serial, quiet, atMost = parseOrdering(ARGV[9])
  if serial then redis.call('HSET', order, 'serial', 1) end
  if quiet then putOff(order, quiet, atMost, waited) end
end
local from = renewQueue(KEYS[1])
local more = renewBeside(KEYS[1], tail, from)
local result = more == 0 and length or {length, more}
if not KEYS[3] then return result end

-- finish sets the lifetime of age to that of the queue, and returns the
-- script's result.
local function finish()
  local left = redis.call('PTTL', KEYS[1])
  if left > 0 then redis.call('PEXPIRE', KEYS[5], left) else redis.call('PERSIST', KEYS[5]) end
  return result
end

redis.call('SADD', KEYS[3], ARGV[7])
redis.call('ZADD', KEYS[4], now, ARGV[8])

local taken = parseScore(redis.call('ZSCORE', KEYS[5], 'taken'))
if ARGV[5] == 'LPUSH' then
  redis.call('ZADD', KEYS[5], taken - (#ARGV - 9), 'taken')
  return finish()
end
-- Nobody counts the items that other programs take. If there are fewer items
-- than the last time implies, the difference was taken.
local last = redis.call('ZREVRANGE', KEYS[5], 0, 0, 'WITHSCORES')
local before = length - (#ARGV - 9)
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
