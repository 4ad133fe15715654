-- Stores a loaded value and gives up the lock of its load, unless the lock was
-- lost or another value stored meanwhile.
--
-- KEYS[1]  the record
-- KEYS[2]  the lock
-- ARGV[5]  the value
-- ARGV[6]  the lock's token
-- Result: 1, or 0 with nothing changed where another holds the lock; {the other
-- value}, which stays, where there is one.
if redis.call('GET', KEYS[2]) ~= ARGV[6] then return 0 end
redis.call('DEL', KEYS[2])
if existed then return {redis.call('GET', KEYS[1])} end
redis.call('SET', KEYS[1], ARGV[5])
renew()
return 1
