-- Push for pools with a pool.Propagator. It follows the function push, which is
-- push.lua or push_usual.lua, and stores the origin of the items if they were
-- pushed. origins.lua describes the keys.
--
-- KEYS     those of push.lua or push_usual.lua; the last one is age
-- ARGV     those of push.lua or push_usual.lua, and then the origin, '' for none;
--          the number of items; and '1' if they come to the front, else ''
-- Result: that of push.lua.
local front = table.remove(ARGV) == '1'
local count = tonumber(table.remove(ARGV))
local origin = table.remove(ARGV)
local reply = push()
local length = type(reply) == 'table' and reply[1] or reply
if type(length) ~= 'number' then return reply end

local age = KEYS[#KEYS]
local origins = '%origins' .. string.sub(age, #'%age' + 1)
if length == count then redis.call('UNLINK', origins) end -- the list was empty, and positions may begin anew
local held = redis.pcall('ZCARD', origins)
if origin == '' or type(held) ~= 'number' or held >= 1000 then return reply end
local taken = tonumber(redis.pcall('ZSCORE', age, 'taken')) or 0
local first = front and taken or taken + length - count
redis.pcall('ZADD', origins, first + count, string.format('%.0f ', first) .. origin)
local left, day = redis.pcall('PTTL', KEYS[1]), 86400000
redis.pcall('PEXPIRE', origins, type(left) == 'number' and left > 0 and math.min(left, day) or day)
return reply
