-- What the scripts that ask for the time begin with, after rule.lua: now, in
-- milliseconds, and birth, the same in microseconds, as text.
local clock = redis.call('TIME')
local birth = clock[1] .. string.format('%06d', tonumber(clock[2]))
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
