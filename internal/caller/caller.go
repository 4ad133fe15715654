// Package caller restricts functions that a package exports only for other
// packages of this library. If a function has a parameter of type [Symphony], a
// user cannot call it, because a user cannot import this package.
package caller

// Symphony is the type of a parameter that only packages of this module can
// pass.
type Symphony struct{}
