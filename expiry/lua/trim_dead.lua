-- trimDead: removes the dead letters that are too many or too old, the oldest
-- first. Those that wait to be redelivered stay.
--
-- KEYS[1]  status
-- KEYS[2]  dead
-- KEYS[3]  payloads
-- ARGV[1]  the most dead letters to keep, '0' for no bound
-- ARGV[2]  how many milliseconds to keep each, '0' for ever
-- ARGV[3]  the most entries to look at
-- ARGV[4]  position of the first of them, from 0
--
-- Result: the number of removed dead letters, and the position from which to go
-- on, -1 if no more are too many or too old.
local status, dead, payloads = KEYS[1], KEYS[2], KEYS[3]
local err = wrongType(status, 'HLEN') or wrongType(dead, 'ZCARD') or wrongType(payloads, 'HLEN')
if err then return err end
local limit, age, page, from = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local excess = limit > 0 and redis.call('ZCARD', dead) - limit or 0
local old = age > 0 and redis.call('ZCOUNT', dead, '-inf', int(math.floor(clock() / 1000) - age)) or 0
local last = math.max(excess, old) - 1
if last < from then return {0, -1} end

local function waitsForTurn(member)
  local at, key = splitName(member)
  local waiters = at and redis.call('HGET', status, waitersField(key))
  return waiters and string.find(' ' .. waiters .. ' ', ' ' .. at .. ' ', 1, true)
end

local members, removed, kept = redis.call('ZRANGE', dead, from, math.min(last, from + page - 1)), 0, 0
for _, member in ipairs(members) do
  if waitsForTurn(member) then
    kept = kept + 1
  elseif discard(status, dead, payloads, member) then
    removed = removed + 1
  end
end
return {removed, from + #members > last and -1 or from + kept}
