// Package pythontest holds samples of the data that the Python package wrote on
// a real server, and a small model of how that package reads.
//
// [Load] returns the samples: values with their stored text, keys, and records
// with the state of the server afterwards. [Value.GoType] returns the type that
// a Go program would read a value into, and [Value.Same] reports whether it
// read that value. [Value.Without] returns why there is no such type.
//
// [Read] and [ReadModel] read as that package does. The samples prove it, so a
// test can ask what Python reads from a value that Go wrote.
//
// Only tests may import this package.
package pythontest
