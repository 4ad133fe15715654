// Package internal restricts functions that a package exports only for other
// packages of this module. If a function has a parameter of type
// [NotForPublicUse], users cannot call it, because they cannot import this
// package.
package internal

// NotForPublicUse is the type of a parameter that only packages of this module
// can pass.
type NotForPublicUse struct{}
