-- End: adds the entry that ends a feed, and wakes the followers. It takes no
-- place of an entry with a value. The file follows position.lua.
--
-- Result: the id of the entry.
if ended then return last[1] end
count = count + 1
if count > 99999999 then base, count = string.format('%.0f', base + 1), 0 end
local id = string.format('%.0f-%s%08d', ms, base, count)
redis.call('XADD', KEYS[1], 'MAXLEN', '=', ARGV[7] + 1, id, 'end', '')
