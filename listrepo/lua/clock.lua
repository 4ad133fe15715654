-- Reads the server's clock. Every script that needs the time begins with this
-- file, after preamble.lua.
--
-- clock is the reply to TIME, and now is the same time in milliseconds.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
