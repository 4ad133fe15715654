-- Tells how far the consumers of a queue are behind.
--
-- KEYS[1]  the queue
-- KEYS[2]  due
-- KEYS[3]  again
-- KEYS[4]  dead
-- KEYS[5]  age
-- KEYS[6]  index of queues; may be missing, and ARGV[7] with it
-- ARGV[5]  what follows the token in a claim's key
-- ARGV[6]  how many claims were counted by earlier calls
-- ARGV[7]  the queue's member of the index
-- Result: {waiting, claimed, dead, age of the oldest in milliseconds, next}. The
-- first call counts everything but the claims. Each call counts a page of those;
-- next is how many were counted, 0 after the last page.
local waiting, claimed, dead, oldest, from = 0, 0, 0, now, tonumber(ARGV[6])

local function since(ms) if ms and ms < oldest and ms > 0 then oldest = ms end end

local claims = redis.call('ZRANGE', KEYS[2], from, from + 99, 'WITHSCORES')
local last, bytes = 0, 0
for i = 1, #claims, 2 do
  local header = claims[i]
  local list, done = keysOf(header, ARGV[5])
  if list and isA(list, 'list') then
    local held = redis.call('LLEN', list)
    if isA(done, 'set') then held = held - redis.call('SCARD', done) end
    if held > 0 then
      if score(claims[i + 1]) <= now then waiting = waiting + held else claimed = claimed + held end
      since(string.match(header, '^%d+') / 1000)
      for earlier in string.gmatch(string.sub(header, 1, 100 * page), '=(%d+)%-') do since(earlier / 1000) end
    end
  end
  last, bytes = last + 1, bytes + #header
  if bytes > 500000 then break end
end
local more = last * 2 < #claims or last == 100
local reached = more and from + last or 0
if from > 0 then return {waiting, claimed, 0, math.floor(now - oldest), reached} end

local length = redis.call('LLEN', KEYS[1])
waiting, dead = waiting + length + redis.call('ZCARD', KEYS[3]), redis.call('HLEN', KEYS[4])
local first = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
if first[2] and score(first[2]) > 0 then since(score(first[2]) / 1000) end

if length > 0 then
  local taken = score(redis.call('ZSCORE', KEYS[5], 'taken'))
  local top = redis.call('ZREVRANGE', KEYS[5], 0, 0, 'WITHSCORES')
  if score(top[2]) > taken + length then taken = score(top[2]) - length end
  -- The first time at which the item in front was there; else the last one known.
  local seen = redis.call('ZRANGEBYSCORE', KEYS[5], '(' .. taken, '+inf', 'LIMIT', 0, 2)
  if #seen == 0 then seen = redis.call('ZREVRANGE', KEYS[5], 0, 1) end
  seen[#seen + 1] = KEYS[6] and redis.call('ZSCORE', KEYS[6], ARGV[7]) or nil
  for _, time in ipairs(seen) do
    if time ~= 'taken' and tonumber(time) then
      since(tonumber(time))
      break
    end
  end
end
return {waiting, claimed, dead, math.floor(now - oldest), reached}
