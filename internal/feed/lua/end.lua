-- End: adds the entry that ends a feed, and wakes the followers. It takes no
-- place of an entry with a value. To get its number from Redis, the script adds
-- an entry and deletes it. added.lua follows.
--
-- KEYS and ARGV are those of append.lua, without values.
-- Result: the text or the status ENDED, or the status NOTFOUND or EXISTS.
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local began = not last and redis.call('EXISTS', KEYS[1]) == 0
if ARGV[2] == 'exists' and began then return redis.status_reply('NOTFOUND') end
if ARGV[2] == 'absent' and not began then return redis.status_reply('EXISTS') end
local kind = last and string.sub(last[1], 1, 2)
if kind == '2-' then return redis.status_reply('ENDED') end
if last and kind ~= '1-' then
  return redis.error_reply('WRONGTYPE Operation against a stream whose last entry is not one of a feed')
end
local clock = redis.call('TIME')
local ms = clock[1] .. string.sub('00000' .. clock[2], -6, -4)
local number = ARGV[6] .. '00000001'
if not began then
  local id = redis.call('XADD', KEYS[1], '1-*', ms, '')
  redis.call('XDEL', KEYS[1], id)
  number = string.sub(id, 3)
end
redis.call('XADD', KEYS[1], 'MAXLEN', '=', ARGV[7] + 1, '2-' .. number, ms, '')
local result = 'ENDED'
