-- Delete: removes a feed, and wakes its followers.
--
-- KEYS[1]  the feed
-- ARGV[1]  not used
-- ARGV[2]  '1' if messages are published with SPUBLISH, otherwise ''
-- ARGV[3]  the channel of the feed
-- Result: 1 if the feed existed, otherwise 0.
local removed = redis.call('UNLINK', KEYS[1])
local function publish(command) redis.pcall(command, ARGV[3], '') end
if removed == 1 then
  if ARGV[2] == '1' then publish('SPUBLISH') else publish('PUBLISH') end
end
return removed
