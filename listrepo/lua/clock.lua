-- What the scripts that ask for the time begin with, after rule.lua: the server's
-- clock, and now, the same in milliseconds.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
