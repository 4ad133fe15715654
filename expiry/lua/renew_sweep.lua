-- renewSweep: renews the right to sweep, if the caller has it.
--
-- KEYS[1]  sweeping
-- ARGV[1]  name of the caller
-- ARGV[2]  how long the caller may sweep from now on, in milliseconds
--
-- Result: 1, or 0 if another listener sweeps.
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
