package hashrepo

// LowerWalkLimits is lowerWalkLimits for the tests in other packages.
var LowerWalkLimits = lowerWalkLimits
