-- Retry: puts dead letters back at the front of the queue, in the order in
-- which they are named, with their ids and counts. Those of a serial queue go
-- back to again, in the order of their first claims.
--
-- KEYS[1]  the queue
-- KEYS[2]  dead
-- KEYS[3]  back
-- KEYS[4]  due
-- KEYS[5]  age
-- KEYS[6]  %tenants of the schedule; may be missing, and KEYS[7] with it
-- KEYS[7]  set of those who have items
-- ARGV[5]  the queue's member of the schedule
-- ARGV[6]  its tenant
-- ARGV[7]  the member of the set
-- ARGV[8]  '1' if the queue becomes serial, else ''
-- ARGV[9 ..]  ids
-- Result: {n, from}: the number of dead letters put back, and the claim from
-- which renew_beside.lua continues, 0 if nothing is left to renew. An entry
-- that does not have the form of a dead letter stays.
for i, kind in pairs({[2] = 'hash', [3] = 'hash', [5] = 'zset', [7] = 'set'}) do
  if KEYS[i] and not isType(KEYS[i], kind) then return wrongType(KEYS[i]) end
end
local wrong = KEYS[6] and wrongSchedule(KEYS[6], ARGV[6])
if wrong then return wrongType(wrong) end
local tail = string.sub(KEYS[4], #'%due' + 1)
local again, order = '%again' .. tail, '%order' .. tail
if not isType(order, 'hash') then return wrongType(order) end
local serial = ARGV[8] == '1' or redis.call('HEXISTS', order, 'serial') == 1
if serial and not isType(again, 'zset') then return wrongType(again) end

local items = {}
for i = #ARGV, 9, -1 do
  local text = redis.call('HGET', KEYS[2], ARGV[i])
  local _, last, count, length = string.find(text or '', '^%d+ (%d+~?%d*) (%d+) ')
  if last and parseCount(count) and not string.find(ARGV[i], '[%s=]') then
    redis.call('HDEL', KEYS[2], ARGV[i])
    tryCall('ZREM', '%died' .. tail, ARGV[i])
    items[#items + 1] = {ARGV[i], count, string.sub(text, last + 1 + length)}
  end
end
if #items == 0 then return {0, 0} end
if ARGV[8] == '1' then redis.call('HSET', order, 'serial', 1) end
local inList, from = putBack(KEYS[1], tail, items, serial)
if KEYS[6] then
  if inList then
    redis.call('ZINCRBY', KEYS[5], -#items, 'taken')
    ensureLifetime(KEYS[5], redis.call('PTTL', KEYS[1]))
  end
  redis.call('SADD', KEYS[7], ARGV[7])
  reschedule(KEYS[6], ARGV[6], ARGV[5], KEYS[1], tail)
end
return {#items, from}
