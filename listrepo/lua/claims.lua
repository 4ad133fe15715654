-- What the scripts about claims share. It follows rule.lua.
--
-- A claim is a list of values as they stood in the queue, and a header, which is
-- its member of due. The header begins with the claim's birth, the server's time
-- in microseconds, "-" and the token, and then names the items that were delivered
-- before, " <place>=<id>=<count>" each. All others are delivered for the first
-- time: their count is "1" and their id is "<birth>-<token>-<place>". So an id
-- tells for ever where an item stood among all that were claimed.
--
-- A count is the number of an item's deliveries, "3". If the item was returned, it
-- is "3~1": one of the three deliveries does not count towards MaxAttempts.

-- own is a key of the claim with that token; tail is what follows the token.
local function own(kind, token, tail) return '%' .. kind .. '-' .. token .. tail end

-- tokenOf reads the token in a header.
local function tokenOf(header) return string.match(header, '^%d+%-(%w+)') end

-- numbers reads a header: a function from an item's place to its id and count.
local function numbers(header)
  local first, named = string.match(header, '^%S+'), {}
  for place, id, count in string.gmatch(header, ' (%d+)=([^=]+)=([%d~]+)') do
    named[tonumber(place)] = {id, count}
  end
  return function(place)
    local n = named[place]
    if n then return n[1], n[2] end
    return first .. '-' .. place, '1'
  end
end

-- split returns the deliveries of a count, and how many of them do not count.
local function split(count)
  local deliveries, free = string.match(count, '^(%d+)~?(%d*)$')
  return tonumber(deliveries), tonumber(free) or 0
end

-- join is the inverse of split.
local function join(deliveries, free)
  return deliveries .. (free > 0 and '~' .. free or '')
end

-- attempts is how many deliveries count towards MaxAttempts.
local function attempts(count)
  local deliveries, free = split(count)
  return deliveries - free
end

-- keep gives a key of the queue's own the queue's lifetime.
local function keep(key)
  if ARGV[2] == '0' then redis.call('PERSIST', key) else redis.call('PEXPIRE', key, ARGV[2]) end
end

-- park puts an item among the dead, which have no lifetime.
local function park(dead, id, count, value, reason)
  redis.call('HSET', dead, id, now .. ' ' .. count .. ' ' .. #reason .. ' ' .. reason .. value)
end

-- front puts an item back in front of the queue and remembers its number by its
-- value, before the numbers of equal ones, which stand behind it.
local function front(queue, back, id, count, value)
  redis.call('LPUSH', queue, value)
  local behind = redis.call('HGET', back, value)
  redis.call('HSET', back, value, id .. ' ' .. count .. (behind and ' ' .. behind or ''))
end

-- forget drops the numbers of items that others took off the queue, as soon as
-- there are more of them than items.
local function forget(queue, back)
  if redis.call('HLEN', back) <= redis.call('LLEN', queue) then return end
  local there = {}
  for _, value in ipairs(redis.call('LRANGE', queue, 0, -1)) do there[value] = true end
  for _, value in ipairs(redis.call('HKEYS', back)) do
    if not there[value] then redis.call('HDEL', back, value) end
  end
end
