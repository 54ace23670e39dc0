-- A script for wrk: 16 requests leave at once, and the next 16 when all of them are answered.
local at_once = 16
local all

init = function()
   all = string.rep(wrk.format("GET", "/"), at_once)
end

request = function()
   return all
end
