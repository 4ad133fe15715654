-- Lets a script write while the server's memory is full. Redis then refuses a
-- script's first write where that may grow, but no write after the first. This
-- one changes nothing, whatever KEYS[1] is.
redis.pcall('ZREM', KEYS[1], '')
