// Package caller marks what one package of the library exports for another and
// not for users. Such a function takes a Symphony, which only packages of this
// module can name.
package caller

// Symphony is the argument that users cannot make.
type Symphony struct{}
