-- Release, Fail and Return: ends a claim on items that are not done. The items
-- go back to the front of the queue, in their order, or wait for a delay. Those
-- without an attempt left become dead letters.
--
-- KEYS[1]  the queue
-- KEYS[2]  the claim
-- KEYS[3]  done: the places of its settled items
-- KEYS[4]  due
-- KEYS[5]  back
-- KEYS[6]  dead
-- KEYS[7]  age
-- KEYS[8]  %tenants of the schedule; may be missing, and KEYS[9] with it
-- KEYS[9]  set of those who have items
-- ARGV[5]  the claim's header
-- ARGV[6]  MaxAttempts, '0' for no limit
-- ARGV[7]  the reason that dead letters carry
-- ARGV[8]  '1' if this delivery does not count as an attempt
-- ARGV[9]  the queue's member of the schedule
-- ARGV[10] its tenant
-- ARGV[11] the member of the set
-- ARGV[12] the delay until the next attempt in milliseconds, '' for none
-- ARGV[13 ..]  places of items, counted from 1; if there are none, all items that
--              are not settled
-- Result: {from}, the claim from which renew_beside.lua continues, 0 if nothing
-- is left to renew; or 0 if the claim was lost. Then nothing is changed.
if redis.call('LLEN', KEYS[2]) == 0 then return 0 end
local tail = string.sub(KEYS[4], #'%due' + 1)
local order, again, delayed = '%order' .. tail, '%again' .. tail, '%delayed' .. tail
if not isType(order, 'hash') then return wrongType(order) end
local serial, delay = redis.call('HEXISTS', order, 'serial') == 1, tonumber(ARGV[12])
redis.call('ZREM', KEYS[4], '') -- for a server without memory: see claim_usual.lua
local deliveryOf, maxAttempts = parseHeader(ARGV[5], page), tonumber(ARGV[6])

local items, chosen = {}, {}
for i = 13, #ARGV do
  local place = tonumber(ARGV[i])
  items[place] = redis.call('LINDEX', KEYS[2], place - 1)
  chosen[#chosen + 1] = place
end
if #ARGV < 13 then
  items = redis.call('LRANGE', KEYS[2], 0, page - 1)
  for place = 1, #items do chosen[place] = place end
end
table.sort(chosen, function(a, b) return a > b end)

local dead, released, places = {}, {}, {}
for _, place in ipairs(chosen) do
  if items[place] and redis.call('SISMEMBER', KEYS[3], place) == 0 then
    local id, count = deliveryOf(place)
    if ARGV[8] == '1' then
      local deliveries, returned = parseCount(count)
      count = formatCount(deliveries, returned + 1)
    end
    local to = maxAttempts > 0 and attempts(count) >= maxAttempts and dead or released
    to[#to + 1] = {id, count, items[place]}
    places[#places + 1] = place
  end
end
if #dead > 0 and not isType(KEYS[6], 'hash') then return wrongType(KEYS[6]) end
if #released > 0 then
  local wrong = not isType(KEYS[5], 'hash') and KEYS[5]
    or serial and not isType(again, 'zset') and again
    or delay and not serial and not isType(delayed, 'zset') and delayed
  if KEYS[8] then
    wrong = wrong or not isType(KEYS[7], 'zset') and KEYS[7] or not isType(KEYS[9], 'set') and KEYS[9] or wrongSchedule(KEYS[8], ARGV[10])
  end
  if wrong then return wrongType(wrong) end
end

callInPages('SADD', KEYS[3], places)
for _, item in ipairs(dead) do makeDead(KEYS[6], item[1], item[2], item[3], ARGV[7]) end
if redis.call('SCARD', KEYS[3]) >= redis.call('LLEN', KEYS[2]) then
  redis.call('UNLINK', KEYS[2], KEYS[3])
  redis.call('ZREM', KEYS[4], ARGV[5])
else
  local left = redis.call('PTTL', KEYS[2])
  if left > 0 then redis.call('PEXPIRE', KEYS[3], left) end
end
if #released == 0 then
  if serial then dropOrder(KEYS[1], tail) end
  if KEYS[8] then reschedule(KEYS[8], ARGV[10], ARGV[9], KEYS[1], tail) end
  return {0}
end

local inList, from = putBack(KEYS[1], tail, released, serial, delay)
if KEYS[8] then
  if inList then
    redis.call('ZINCRBY', KEYS[7], -#released, 'taken')
    ensureLifetime(KEYS[7], redis.call('PTTL', KEYS[1]))
  end
  redis.call('SADD', KEYS[9], ARGV[11])
  reschedule(KEYS[8], ARGV[10], ARGV[9], KEYS[1], tail)
end
return {from}
