-- The functions that scripts use on the hash %order beside a queue. The file
-- follows shared.lua. The hash exists only while the queue has items, and has
-- the fields
--
--   serial  if it is there, one claim is in flight at a time
--   first   when the first push with Quiet came of those that wait, ms
--   until   before this time no items are handed out, because pushes with Quiet
--           may still come, ms
--   hold    before this time a serial queue hands out no items, because the item
--           in front failed, ms
--
-- In a serial queue, items that were put back wait in again, too, and not in
-- front of the list. So they come in the order of their first claims, whatever
-- put them back.

-- parseOrdering parses how the options order a queue, "<serial> <quiet>
-- <atMost>": '1' for Serial, and the times of Quiet in milliseconds, '0' without
-- it. It returns whether the queue becomes serial, and the times, nil without
-- Quiet.
local function parseOrdering(text)
  local serial, quiet, atMost = string.match(text, '^(%d) (%d+) (%d+)$')
  if quiet == '0' then return serial == '1' end
  return serial == '1', tonumber(quiet), tonumber(atMost)
end

-- readOrder returns whether the queue is serial, and the first time at which it
-- hands out items, 0 if it does so now. If first is later than now, the clock
-- was set back, and until means nothing.
local function readOrder(order)
  local fields = redis.call('HMGET', order, 'serial', 'first', 'until', 'hold')
  local ready = 0
  if parseScore(fields[2]) <= now then ready = parseScore(fields[3]) end
  if fields[1] then ready = math.max(ready, parseScore(fields[4])) end
  return fields[1] and true, ready > now and ready or 0
end

-- putOff puts off the time at which the queue hands out items. waited reports
-- whether items were waiting before this call.
local function putOff(order, quiet, atMost, waited)
  local first = waited and parseScore(redis.call('HGET', order, 'first')) or 0
  if first <= 0 or first > now then first = now end
  redis.call('HSET', order, 'first', first, 'until', math.min(now + quiet, first + atMost))
end

-- waitFor makes a serial queue hand out no items for ms from now.
local function waitFor(order, ms)
  redis.call('HSET', order, 'hold', math.max(now + ms, parseScore(redis.call('HGET', order, 'hold'))))
end

-- dropOrder removes order if the queue has no items.
local function dropOrder(queue, tail)
  if redis.call('EXISTS', queue, '%due' .. tail, '%again' .. tail, '%delayed' .. tail) == 0 then redis.call('UNLINK', '%order' .. tail) end
end

-- putBack puts items back where the next claim finds them first: in again if
-- the queue is serial, else at the front of the list. With a delay in
-- milliseconds, a serial queue hands out nothing before it is over, and items of
-- another queue go to delayed. Each item is {id, count, value}, and the last one
-- comes first. It returns whether the items are in the list, and the claim from
-- which renew_beside.lua continues.
local function putBack(queue, tail, items, serial, delay)
  local back = '%back' .. tail
  if not serial and not delay then
    local add, flush = pushFront(queue, back)
    for _, item in ipairs(items) do add(unpack(item)) end
    flush()
    local from = renewQueue(queue)
    forgetTaken(queue, back)
    ensureLifetime(back, redis.call('PTTL', queue))
    return true, renewBeside(queue, tail, from)
  end
  local key, entries = (serial and '%again' or '%delayed') .. tail, {}
  for _, item in ipairs(items) do
    local birth, member = waitingEntry(item[1], item[2], item[3], '+', 0, 0)
    entries[#entries + 1] = serial and birth or now + delay
    entries[#entries + 1] = member
  end
  callInPages('ZADD', key, entries)
  if serial and delay then waitFor('%order' .. tail, delay) end
  local from = renewQueue(queue)
  local lifetime = redis.call('PTTL', queue)
  if lifetime == -2 then lifetime = ARGV[2] == '0' and -1 or tonumber(ARGV[2]) end
  ensureLifetime(key, lifetime < 0 and lifetime or lifetime + (delay or 0))
  from = renewBeside(queue, tail, from)
  if serial then renewOrder(queue, tail) end
  return false, from
end
