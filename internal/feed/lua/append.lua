-- Append: adds entries to a feed, trims it and wakes the followers. The file
-- follows position.lua.
--
-- ARGV[8]  how many entries are kept
-- ARGV[9 ..]  the values
-- Result: the id of the last entry, or the status ENDED.
if ended then return redis.status_reply('ENDED') end
for i = 9, #ARGV - 1 do redis.call('XADD', KEYS[1], nextID(), 'v', ARGV[i]) end
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '=', ARGV[8], nextID(), 'v', ARGV[#ARGV])
renew()
wake(id)
return id
