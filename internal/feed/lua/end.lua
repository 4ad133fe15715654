-- End: adds the entry that ends a feed, and wakes the followers. It takes no
-- place of an entry with a value. The file follows position.lua.
--
-- ARGV[8]  how many entries with a value are kept
-- Result: the id of the entry.
if ended then return last[1] end
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '=', ARGV[8] + 1, nextID(), 'end', '')
renew()
wake(id)
return id
