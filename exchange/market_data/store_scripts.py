"""The steps of the kline store that must happen at once, in Redis's own language.

Numbers in Lua are doubles: times in ms fit exactly, prices do not, so those stay text. Times that
go back into Redis are passed on as the text they came as, since Lua would write 1.7e+12.

KEYS   closed klines (sorted set by open time), what is newest (hash)

Fields of the hash, times in ms: `event` (market time of the newest event), `closed` (open time of
the newest closed kline), `open`, `open_time`, `open_event` (the running kline), `seen` (wall time
of the newest look), `streamed` (the same, by stream), `asked` (the same, by request), `source`,
`depth` (how many closed klines are kept), `whole` (when the venue had none that are older),
`missing` and `misses` (the kline that the venue should have and has not, and how often it was
asked for).
"""

from __future__ import annotations

from typing import Final

_SHARED: Final = """
local function later(name, value)
  local stored = redis.call('HGET', KEYS[2], name)
  if not stored or tonumber(stored) < tonumber(value) then
    redis.call('HSET', KEYS[2], name, value)
  end
end
local function ticked(name, value, differ)
  local stored = redis.call('HGET', KEYS[2], name)
  -- A wall clock that was put back leaves a time that lies ahead.
  if stored and tonumber(stored) - tonumber(value) > tonumber(differ) then
    redis.call('HDEL', KEYS[2], name)
  end
  later(name, value)
end
local function trim(least, most)
  local depth = tonumber(redis.call('HGET', KEYS[2], 'depth') or '0')
  local kept = math.min(math.max(depth, tonumber(least)), tonumber(most))
  if redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -(kept + 1)) > 0 then
    redis.call('HDEL', KEYS[2], 'whole')
  end
end
local function live_on(milliseconds)
  redis.call('PEXPIRE', KEYS[1], milliseconds)
  redis.call('PEXPIRE', KEYS[2], milliseconds)
end
"""

# ARGV: 1 open time, 2 line, 3 '1' when closed, 4 event time, 5 seen at, 6 length,
# 7 restarted after, 8 channel, 9 announcement without times, 10 stored at, 11 kept at least,
# 12 kept at most, 13 time to live, 14 how far wall clocks differ
ADD: Final = (
    _SHARED
    + """
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local told = redis.call('HMGET', KEYS[2], 'event', 'open_time', 'open_event', 'open')
if #last == 0 or not told[1] then return 'EMPTY' end
local opened, event, length = tonumber(ARGV[1]), tonumber(ARGV[4]), tonumber(ARGV[6])
local newest, running = tonumber(last[2]), tonumber(told[2] or '-1')
if tonumber(told[1]) - event > tonumber(ARGV[7]) then return 'RESTARTED' end
if opened <= newest or opened < running then return 'OLD' end
if opened ~= newest + length and opened ~= running then return 'GAP' end
local outcome
if ARGV[3] == '1' then
  redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
  redis.call('HDEL', KEYS[2], 'open', 'open_time', 'open_event', 'missing', 'misses')
  redis.call('HSET', KEYS[2], 'closed', ARGV[1])
  trim(ARGV[11], ARGV[12])
  redis.call('PUBLISH', ARGV[8],
    ARGV[9] .. ', "open_time": ' .. ARGV[1] .. ', "stored_at": ' .. ARGV[10] .. '}')
  outcome = 'STORED'
else
  if opened == running then
    local shown = tonumber(told[3])
    if event < shown or (event == shown and told[4] == ARGV[2]) then return 'OLD' end
  end
  redis.call('HSET', KEYS[2], 'open', ARGV[2], 'open_time', ARGV[1], 'open_event', ARGV[4])
  outcome = 'REFRESHED'
end
later('event', ARGV[4])
ticked('seen', ARGV[5], ARGV[14])
ticked('streamed', ARGV[5], ARGV[14])
redis.call('HSET', KEYS[2], 'source', 'stream')
live_on(ARGV[13])
return outcome
"""
)

# ARGV: 1 market time, 2 seen at, 3 source, 4 length, 5 restarted after,
# 6 '1' when whole, '2' when what is older is to be forgotten,
# 7 open time of the kline that must have closed, 8 channel, 9 announcement without times,
# 10 stored at, 11 kept at least, 12 kept at most, 13 time to live, 14 how far wall clocks differ,
# 15 open time and 16 line of the open kline or '', 17 lead, then open time and line of each closed
# one, oldest first
# Answer: new, corrected, '1' when everything was forgotten first
FILL: Final = (
    _SHARED
    + """
local FIRST = 18
local function differs(one, other)
  local a, b = {}, {}
  for word in string.gmatch(one, '%S+') do a[#a + 1] = tonumber(word) end
  for word in string.gmatch(other, '%S+') do b[#b + 1] = tonumber(word) end
  for index = 1, #a do
    if a[index] ~= b[index] then return true end
  end
  return #a ~= #b
end
if #ARGV < FIRST then return {0, 0, '0'} end
local market, seen, length = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[4])
local first, final = tonumber(ARGV[FIRST]), tonumber(ARGV[#ARGV - 1])
local running = ARGV[15] ~= '' and tonumber(ARGV[15]) or final
local newest, oldest, forgotten = nil, nil, '0'
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local told = redis.call('HMGET', KEYS[2], 'event', 'seen')
if #last > 0 and told[1] then
  newest = tonumber(last[2])
  -- An answer that was asked for before the newest look shows less without being another market.
  local stored_at = tonumber(told[2])
  local is_young = seen >= stored_at or stored_at - seen > tonumber(ARGV[14])
  -- The venue says of a kline that it is open, and it is not that it closed a moment ago.
  local is_open_again = running < newest
    or (running == newest and newest + length - market > tonumber(ARGV[17]))
  if tonumber(told[1]) - market > tonumber(ARGV[5]) or (is_young and is_open_again) then
    newest, forgotten = nil, '1'
  end
end
if not newest then
  redis.call('DEL', KEYS[1], KEYS[2])
else
  oldest = tonumber(redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2])
  if final < oldest - length then return {0, 0, '0'} end
  -- Nothing is said about what lies between: what is older would stand before a gap.
  if first > newest + length then
    redis.call('DEL', KEYS[1])
    redis.call('HDEL', KEYS[2], 'whole')
    oldest = nil
  elseif ARGV[6] == '2' then
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[FIRST])
    redis.call('HDEL', KEYS[2], 'whole')
  end
end
local before = {}
local overlap = redis.call('ZRANGEBYSCORE', KEYS[1], first, final, 'WITHSCORES')
for index = 1, #overlap, 2 do before[tonumber(overlap[index + 1])] = overlap[index] end
local new, corrected = 0, 0
for index = FIRST, #ARGV, 2 do
  local at, line = tonumber(ARGV[index]), ARGV[index + 1]
  local stored = before[at]
  before[at] = nil
  if not stored then
    new = new + 1
  elseif stored ~= line then
    redis.call('ZREM', KEYS[1], stored)
    if differs(stored, line) then corrected = corrected + 1 end
  end
  if stored ~= line then redis.call('ZADD', KEYS[1], ARGV[index], line) end
end
for _, line in pairs(before) do
  redis.call('ZREM', KEYS[1], line)
  corrected = corrected + 1
end
local count = (#ARGV - FIRST + 1) / 2
later('depth', string.format('%d', math.min(count, tonumber(ARGV[12]))))
-- An answer that is shorter than what it overlaps was cut off: older ones are known.
if ARGV[6] == '1' and (not oldest or first <= oldest) then
  redis.call('HSET', KEYS[2], 'whole', ARGV[2])
end
trim(ARGV[11], ARGV[12])
if not newest or final > newest then
  redis.call('HSET', KEYS[2], 'closed', ARGV[#ARGV - 1])
  redis.call('PUBLISH', ARGV[8],
    ARGV[9] .. ', "open_time": ' .. ARGV[#ARGV - 1] .. ', "stored_at": ' .. ARGV[10] .. '}')
  newest = final
end
local shown = redis.call('HMGET', KEYS[2], 'open_time', 'open_event')
local shown_time, shown_event = tonumber(shown[1] or '-1'), tonumber(shown[2] or '-1')
if ARGV[15] ~= '' and running > newest
    and not (shown_time > running or (shown_time == running and shown_event > market)) then
  redis.call('HSET', KEYS[2], 'open', ARGV[16], 'open_time', ARGV[15], 'open_event', ARGV[1])
elseif shown_time <= newest then
  redis.call('HDEL', KEYS[2], 'open', 'open_time', 'open_event')
end
if newest >= tonumber(ARGV[7]) then
  redis.call('HDEL', KEYS[2], 'missing', 'misses')
elseif redis.call('HGET', KEYS[2], 'missing') == ARGV[7] then
  redis.call('HINCRBY', KEYS[2], 'misses', 1)
else
  redis.call('HSET', KEYS[2], 'missing', ARGV[7], 'misses', '1')
end
later('event', ARGV[1])
ticked('seen', ARGV[2], ARGV[14])
ticked('asked', ARGV[2], ARGV[14])
redis.call('HSET', KEYS[2], 'source', ARGV[3])
live_on(ARGV[13])
return {new, corrected, forgotten}
"""
)

# ARGV: 1 seen at, 2 kept at least, 3 kept at most, 4 time to live, 5 how far wall clocks differ
CONFIRM: Final = (
    _SHARED
    + """
if redis.call('EXISTS', KEYS[1], KEYS[2]) < 2 then return 0 end
ticked('seen', ARGV[1], ARGV[5])
live_on(ARGV[4])
return 1
"""
)
