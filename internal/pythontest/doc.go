// Package pythontest holds samples of what the Python package wrote on a real
// server, and a small model of how that package reads.
//
// [Load] gives the samples: values and the text they became, keys, and records
// with the server's state afterwards. [Value.GoType] gives the type that a Go
// program would read a value into, and [Value.Same] says whether it got that
// value. [Value.Without] says why there is no such type.
//
// [Read] and [ReadModel] read as that package does, which the samples prove:
// with them a test can ask what becomes of a value that Go wrote.
//
// Only tests may import this package.
package pythontest
