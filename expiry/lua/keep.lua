-- Renews a turn of sweeping, where it is still the caller's.
--
-- KEYS[1]  sweeping
-- ARGV[1]  the caller's name
-- ARGV[2]  how long the turn is the caller's, in milliseconds
--
-- Result: 1, or 0 if it is not.
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
