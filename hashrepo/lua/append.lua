-- Appends to a field that holds a JSON array, without rewriting what is there.
--
-- KEYS[1]  the record
-- ARGV[5]  field
-- ARGV[6]  JSON text of the new elements, with commas between
-- ARGV[7]  most bytes that the field may hold then
-- Result: 1; the status NOTALIST or TOOLARGE, and nothing changed, where the
-- field holds something else or would hold too much.
local text = redis.call('HGET', KEYS[1], ARGV[5])
if not text or text == 'null' then
  text = '[]'
end
local body = string.match(text, '^%s*%[(.*)%]%s*$')
if not body then return redis.status_reply('NOTALIST') end
if string.match(body, '^%s*$') then
  text = '[' .. ARGV[6] .. ']'
else
  text = '[' .. body .. ',' .. ARGV[6] .. ']'
end
if #text > tonumber(ARGV[7]) then return redis.status_reply('TOOLARGE') end
redis.call('HSET', KEYS[1], ARGV[5], text)
redis.call('HDEL', KEYS[1], '_')
renew()
return 1
