-- GetOrLoad: renews the lock of a load.
--
-- KEYS[1]  the lock
-- ARGV[1]  its token
-- ARGV[2]  lifetime from now on, in milliseconds
-- Result: 1, or 0 if the caller does not hold the lock.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
