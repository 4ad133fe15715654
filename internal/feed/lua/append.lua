-- Append: adds entries to a feed, trims it and wakes the followers. added.lua
-- follows.
--
-- The id of an entry is `1-<number>`. Redis assigns the number: that of the
-- entry before it plus one, also if that one was trimmed or deleted. So a reader
-- that has two entries knows whether one is missing between them. The first
-- number is a random base of 11 digits and a count of 8. The name of the field
-- is the time in milliseconds. The entry that ends a feed has the id
-- `2-<number>`, after which Redis refuses `1-*`.
--
-- KEYS[1]  the feed
-- ARGV[1]  the lifetime in milliseconds, '0' for none, or '' if an existing feed
--          keeps its lifetime
-- ARGV[2]  the condition: '', 'exists' or 'absent'
-- ARGV[3]  the lifetime of a new feed
-- ARGV[4]  '1' if messages are published with SPUBLISH, otherwise ''
-- ARGV[5]  the channel of the feed
-- ARGV[6]  the base of a new feed
-- ARGV[7]  how many entries with a value are kept
-- ARGV[8 ..]  the values
-- Result: `<ms>-<number>` of the last entry, or the status ENDED, NOTFOUND or
-- EXISTS.
if ARGV[2] == 'absent' and (redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1] or redis.call('EXISTS', KEYS[1]) == 1) then
  return redis.status_reply('EXISTS')
end
local clock = redis.call('TIME')
local ms = clock[1] .. string.sub('00000' .. clock[2], -6, -4)
local began = false
local id
for i = 8, #ARGV do
  id = redis.pcall('XADD', KEYS[1], 'NOMKSTREAM', 'MAXLEN', '=', ARGV[7], '1-*', ms, ARGV[i])
  if not id then
    if ARGV[2] == 'exists' then return redis.status_reply('NOTFOUND') end
    began = true
    id = redis.call('XADD', KEYS[1], '1-' .. ARGV[6] .. '00000001', ms, ARGV[i])
  elseif type(id) == 'table' then -- refused
    local found = redis.pcall('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
    local last = found[1] and found[1][1]
    local kind = last and string.sub(last, 1, 2)
    if kind == '2-' then return redis.status_reply('ENDED') end
    if last and kind ~= '1-' then
      return redis.error_reply('WRONGTYPE Operation against a stream whose last entry is not one of a feed')
    end
    id = redis.call('XADD', KEYS[1], '1-*', ms, ARGV[i]) -- fails again, with the line in its error
  end
end
local result = ms .. string.sub(id, 2)
