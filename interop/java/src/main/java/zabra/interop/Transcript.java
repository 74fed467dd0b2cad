package zabra.interop;
class Transcript {}
