-- trimDead: removes the dead letters of a queue that are too many or too old,
-- the oldest first. If dead letters are kept for a time, the script also sets
-- the lifetime of both keys to it, so that the last ones are removed even if no
-- call follows.
--
-- If %died does not have all dead letters, because another program or Import
-- wrote some, the script first makes it anew. Several calls do that.
--
-- KEYS[1]  dead
-- KEYS[2]  died
-- ARGV[1]  the most dead letters to keep, '0' for no bound
-- ARGV[2]  how many milliseconds to keep each, '0' for ever
-- ARGV[3]  cursor of HSCAN on dead, '0' in the first call
-- Result: {removed, next, cursor}: the number of removed dead letters, whether
-- another call is needed, as 1 or 0, and its cursor.
local dead, died, cursor = KEYS[1], KEYS[2], ARGV[3]
local limit, age = tonumber(ARGV[1]), tonumber(ARGV[2])
local size, known = redis.call('HLEN', dead), redis.call('ZCARD', died)
local excess = limit > 0 and size - limit or 0
if excess <= 0 and age == 0 then return {0, 0, '0'} end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
if cursor ~= '0' or size ~= known then
  if cursor == '0' then redis.call('UNLINK', died) end
  local page = redis.call('HSCAN', dead, cursor, 'COUNT', 50)
  for i = 1, #page[2], 2 do
    local at = string.match(page[2][i + 1], '^(%d+) ')
    if not at or #at > 15 then at = string.format('%.0f', now) end
    redis.call('ZADD', died, at, page[2][i])
  end
  if page[1] ~= '0' then return {0, 1, page[1]} end
  known = redis.call('ZCARD', died)
end
-- If another call makes %died anew, it does not have the oldest ones yet.
if size ~= known then excess = 0 end
local old = age > 0 and redis.call('ZCOUNT', died, '-inf', string.format('(%.0f', math.floor(now) - age)) or 0
local surplus, removed = math.max(excess, old), 0
if surplus > 0 then
  local ids = redis.call('ZRANGE', died, 0, math.min(surplus, 500) - 1)
  redis.call('ZREM', died, unpack(ids))
  removed = redis.call('HDEL', dead, unpack(ids))
end
if surplus > 500 then return {removed, 1, '0'} end
if age > 0 then
  -- The time of the youngest is later than now if the clock was set back.
  local youngest = tonumber(redis.call('ZREVRANGE', died, 0, 0, 'WITHSCORES')[2]) or now
  local left = string.format('%.0f', math.min(math.ceil(math.max(youngest - now, 0)) + age, 9223372036854))
  redis.call('PEXPIRE', dead, left)
  redis.call('PEXPIRE', died, left)
end
return {removed, 0, '0'}
