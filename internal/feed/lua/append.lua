-- Append: adds entries to a feed, trims it and wakes the followers. The file
-- follows position.lua.
--
-- ARGV[8 ..]  the values
-- Result: the id of the last entry, or the status ENDED.
if ended then return redis.status_reply('ENDED') end
local id
for i = 8, #ARGV do
  count = count + 1
  if count > 99999999 then base, count = string.format('%.0f', base + 1), 0 end
  id = string.format('%.0f-%s%08d', ms, base, count)
  if i < #ARGV then
    redis.call('XADD', KEYS[1], id, 'v', ARGV[i])
  else
    redis.call('XADD', KEYS[1], 'MAXLEN', '=', ARGV[7], id, 'v', ARGV[i])
  end
end
