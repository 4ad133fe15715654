-- Delete: removes a feed, and wakes its followers. The user may lack the
-- permission for that.
--
-- KEYS[1]  the feed
-- ARGV[1]  not used
-- ARGV[2]  '1' if messages are published with SPUBLISH, otherwise ''
-- ARGV[3]  the channel of the feed
-- Result: 1 if the feed existed, otherwise 0.
local removed = redis.call('UNLINK', KEYS[1])
if removed == 1 and ARGV[2] == '1' then redis.pcall('SPUBLISH', ARGV[3], '') end
if removed == 1 and ARGV[2] ~= '1' then redis.pcall('PUBLISH', ARGV[3], '') end
return removed
