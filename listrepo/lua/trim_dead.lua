-- trimDead: removes the dead letters of a queue beyond a limit, the oldest
-- first.
--
-- If %died does not have all dead letters, because another program or Import
-- wrote some, the script first makes it anew. Several calls do that.
--
-- KEYS[1]  dead
-- KEYS[2]  died
-- ARGV[1]  the most dead letters to keep
-- ARGV[2]  cursor of HSCAN on dead, '0' in the first call
-- Result: {removed, next, cursor}: the number of removed dead letters, whether
-- another call is needed, as 1 or 0, and its cursor.
local dead, died = KEYS[1], KEYS[2]
local size, known, cursor = redis.call('HLEN', dead), redis.call('ZCARD', died), ARGV[2]
local excess = size - ARGV[1]
if excess <= 0 then return {0, 0, '0'} end
if cursor ~= '0' or size ~= known then
  if cursor == '0' then redis.call('UNLINK', died) end
  local clock = redis.call('TIME')
  local page = redis.call('HSCAN', dead, cursor, 'COUNT', 50)
  for i = 1, #page[2], 2 do
    local at = string.match(page[2][i + 1], '^(%d+) ') or clock[1] * 1000
    redis.call('ZADD', died, at, page[2][i])
  end
  if page[1] ~= '0' then return {0, 1, page[1]} end
end
local ids = redis.call('ZRANGE', died, 0, math.min(excess, 500) - 1)
if #ids == 0 then return {0, 0, '0'} end
redis.call('ZREM', died, unpack(ids))
return {redis.call('HDEL', dead, unpack(ids)), excess > 500 and 1 or 0, '0'}
