-- Tells how far the consumers of a queue are behind.
--
-- KEYS[1]  the queue
-- KEYS[2]  due
-- KEYS[3]  again
-- KEYS[4]  dead
-- KEYS[5]  age
-- ARGV[5]  what follows the token in a claim's key
-- Result: {waiting, claimed, dead, age of the oldest in milliseconds}.
local length = redis.call('LLEN', KEYS[1])
local waiting, claimed, oldest = length + redis.call('ZCARD', KEYS[3]), 0, now

local function since(ms) if ms < oldest then oldest = ms end end

local first = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
if first[2] then since(tonumber(first[2]) / 1000) end
local claims = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
for i = 1, #claims, 2 do
  local list = own('claim', claims[i], ARGV[5])
  local header = redis.call('LINDEX', list, 0)
  if header then
    local held = redis.call('LLEN', list) - 1 - redis.call('SCARD', own('done', claims[i], ARGV[5]))
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
  for _, time in ipairs(#seen > 0 and seen or redis.call('ZREVRANGE', KEYS[5], 0, 1)) do
    if time ~= 'taken' then
      since(tonumber(time))
      break
    end
  end
end
return {waiting, claimed, redis.call('HLEN', KEYS[4]), math.floor(now - oldest)}
