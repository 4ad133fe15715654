-- Tells how far the consumers of a queue are behind.
--
-- KEYS[1]  the queue
-- KEYS[2]  due
-- KEYS[3]  again
-- KEYS[4]  dead
-- KEYS[5]  age
-- KEYS[6]  index of queues; may be missing, and ARGV[6] with it
-- ARGV[5]  what follows the token in a claim's key
-- ARGV[6]  the queue's member of the index
-- Result: {waiting, claimed, dead, age of the oldest in milliseconds}.
local length = redis.call('LLEN', KEYS[1])
local waiting, claimed, oldest = length + redis.call('ZCARD', KEYS[3]), 0, now

local function since(ms) if ms < oldest then oldest = ms end end

local first = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
if first[2] then since(tonumber(first[2]) / 1000) end
local claims = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
for i = 1, #claims, 2 do
  local header = claims[i]
  local token = tokenOf(header)
  local held = redis.call('LLEN', own('claim', token, ARGV[5])) - redis.call('SCARD', own('done', token, ARGV[5]))
  if held > 0 then
    if tonumber(claims[i + 1]) <= now then waiting = waiting + held else claimed = claimed + held end
    since(string.match(header, '^%d+') / 1000)
    for earlier in string.gmatch(header, '=(%d+)%-') do since(earlier / 1000) end
  end
end

if length > 0 then
  local taken = tonumber(redis.call('ZSCORE', KEYS[5], 'taken') or 0)
  local top = redis.call('ZREVRANGE', KEYS[5], 0, 0, 'WITHSCORES')
  if top[2] and tonumber(top[2]) > taken + length then taken = tonumber(top[2]) - length end
  -- The first time at which the item in front was there; else the last one known.
  local seen = redis.call('ZRANGEBYSCORE', KEYS[5], '(' .. taken, '+inf', 'LIMIT', 0, 2)
  if #seen == 0 then seen = redis.call('ZREVRANGE', KEYS[5], 0, 1) end
  seen[#seen + 1] = KEYS[6] and redis.call('ZSCORE', KEYS[6], ARGV[6]) or nil
  for _, time in ipairs(seen) do
    if time ~= 'taken' then
      since(tonumber(time))
      break
    end
  end
end
return {waiting, claimed, redis.call('HLEN', KEYS[4]), math.floor(now - oldest)}
