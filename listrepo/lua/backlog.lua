-- Backlog: counts the items of a queue, and returns the age of the oldest one
-- and the time at which the queue hands out its next items. It writes nothing.
--
-- KEYS[1]  the queue
-- KEYS[2]  due
-- KEYS[3]  again
-- KEYS[4]  dead
-- KEYS[5]  age
-- ARGV[5]  the part of a claim's key that follows the token
-- ARGV[6]  the number of claims that earlier calls counted
-- Result: {waiting, claimed, dead, age of the oldest in milliseconds, time of
-- the next items in milliseconds, next}.
-- Each call counts one page of claims, and the first call also returns
-- everything else. The time is 0 if the queue has no items. next is the number
-- of claims counted so far, 0 after the last page.
local waiting, claimed, dead, oldest, from = 0, 0, 0, now, tonumber(ARGV[6])

-- include makes oldest the earlier of itself and a time, which may be nil.
local function include(ms) if ms and ms < oldest and ms > 0 then oldest = ms end end

local claims = redis.call('ZRANGE', KEYS[2], from, from + 99, 'WITHSCORES')
local counted, bytes = 0, 0
for i = 1, #claims, 2 do
  local header = claims[i]
  local list, done = keysOf(header, ARGV[5])
  if list and isType(list, 'list') then
    local held = redis.call('LLEN', list)
    if isType(done, 'set') then held = held - redis.call('SCARD', done) end
    if held > 0 then
      if parseScore(claims[i + 1]) <= now then waiting = waiting + held else claimed = claimed + held end
      include(string.match(header, '^%d+') / 1000)
      for birth in string.gmatch(string.sub(header, 1, 100 * page), '=(%d+)%-') do include(birth / 1000) end
    end
  end
  counted, bytes = counted + 1, bytes + #header
  if bytes > 200000 then break end
end
local more = counted * 2 < #claims or counted == 100
local nextFrom = more and from + counted or 0
if from > 0 then return {waiting, claimed, 0, math.floor(now - oldest), 0, nextFrom} end

local length = redis.call('LLEN', KEYS[1])
waiting, dead = waiting + length + redis.call('ZCARD', KEYS[3]), redis.call('HLEN', KEYS[4])
local delayed = '%delayed' .. ARGV[5]
if redis.call('EXISTS', delayed) == 1 then
  waiting = waiting + redis.call('ZCARD', delayed)
  local read, size = 0, 0
  repeat -- a page, as readFront does
    local found = redis.call('ZRANGE', delayed, read, math.max(2 * read, 4) - 1)
    for _, item in ipairs(found) do
      local id = parseWaiting(item)
      include(parseScore(string.match(id or '', '^(%d+)%-.*%-%d+$')) / 1000)
      size = size + #item
    end
    read = read + #found
  until #found == 0 or read >= page or size >= pageBytes
end
local first = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
if first[2] and parseScore(first[2]) > 0 then include(parseScore(first[2]) / 1000) end

if length > 0 then
  local taken = parseScore(redis.call('ZSCORE', KEYS[5], 'taken'))
  local last = redis.call('ZREVRANGE', KEYS[5], 0, 0, 'WITHSCORES')
  if parseScore(last[2]) > taken + length then taken = parseScore(last[2]) - length end
  -- The first known time at which the item in front was in the queue. If there
  -- is none, the last known time.
  local times = redis.call('ZRANGEBYSCORE', KEYS[5], '(' .. taken, '+inf', 'LIMIT', 0, 2)
  if #times == 0 then times = redis.call('ZREVRANGE', KEYS[5], 0, 1) end
  for _, time in ipairs(times) do
    if time ~= 'taken' and tonumber(time) then
      include(tonumber(time))
      break
    end
  end
end
return {waiting, claimed, dead, math.floor(now - oldest), math.floor(nextLook(KEYS[1], ARGV[5]) or 0), nextFrom}
