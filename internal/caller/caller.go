// Package caller restricts a function that a package exports only for other
// packages of this library. Such a function has a parameter of type [Symphony],
// which a user cannot name.
package caller

// Symphony is the type of a parameter that only packages of this module can
// pass.
type Symphony struct{}
