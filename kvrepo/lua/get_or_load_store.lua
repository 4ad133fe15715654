-- GetOrLoad: stores a loaded value and removes the lock of the load. If the lock
-- was lost, or if a value was stored during the load, it does not store.
--
-- preamble.lua runs first and takes ARGV[1] to ARGV[4].
--
-- KEYS[1]  the value
-- KEYS[2]  the lock
-- ARGV[5]  the loaded value
-- ARGV[6]  the token of the lock
-- Result: 1 if the value was stored; 0 with nothing changed if the caller does
--         not hold the lock; {the stored value} if there is one.
if redis.call('GET', KEYS[2]) ~= ARGV[6] then return 0 end
redis.call('DEL', KEYS[2])
if existed then return {redis.call('GET', KEYS[1])} end
redis.call('SET', KEYS[1], ARGV[5])
renew()
return 1
